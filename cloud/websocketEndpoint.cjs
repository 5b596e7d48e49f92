// @ts-check
'use strict';

/** @import { Framework } from './types.d.ts' */

const { sub } = require('./names.cjs');
const { closesDefaultEndpoints } = require('./parameters.cjs');

/**
 * The address by which the functions post to connections. An API whose default endpoint is closed takes posts by its domain
 * alone, whose paths don't begin with the stage.
 * @param {Framework} framework
 */
module.exports = async ({ resolveVariable }) => {
  const domain = await resolveVariable("param:websocketDomain, ''");
  if (domain !== '' && (await closesDefaultEndpoints(resolveVariable))) return `https://${domain}`;
  const stage = await resolveVariable('sls:stage');
  return sub(`https://\${WebsocketsApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/${stage}`);
};
