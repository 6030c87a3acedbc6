import { examineDeployments } from './deployments.ts';

examineDeployments('sqlite');
