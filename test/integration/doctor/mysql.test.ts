import { examineDeployments } from './deployments.ts';

examineDeployments('mysql');
