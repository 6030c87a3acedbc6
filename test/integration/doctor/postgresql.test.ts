import { examineDeployments } from './deployments.ts';

examineDeployments('postgresql');
