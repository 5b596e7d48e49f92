// @ts-check
'use strict';

/** @import { Addition, Framework } from './types.d.ts' */

const { logicalId } = require('./names.cjs');
const { vpcOf } = require('./parameters.cjs');
const rights = require('./rights.cjs');

/**
 * Puts the functions that use the database into the stage's network, where the parameter `vpc` names subnets and security
 * groups. The other functions stay outside. docs/deploying.md says what the network must reach.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
module.exports = async ({ resolveVariable }) => {
  const vpc = await vpcOf(resolveVariable);
  if (vpc === null) return {};
  const inside = Object.entries(rights).filter(([, { secrets }]) => secrets.includes('mongodb-uri'));
  return {
    extensions: Object.fromEntries(
      inside.map(([name]) => [
        logicalId(name, 'LambdaFunction'),
        { Properties: { VpcConfig: { SubnetIds: vpc.subnetIds, SecurityGroupIds: vpc.securityGroupIds } } },
      ]),
    ),
  };
};
