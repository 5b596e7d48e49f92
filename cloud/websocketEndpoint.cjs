'use strict';

const { closesDefaultEndpoints } = require('./domain.cjs');

/**
 * Where the functions post to connections. An API whose default endpoint is closed takes posts by its domain alone, whose
 * paths don't begin with the stage.
 */
module.exports = async ({ resolveVariable }) => {
  const domain = await resolveVariable("param:websocketDomain, ''");
  if (domain !== '' && (await closesDefaultEndpoints(resolveVariable))) return `https://${domain}`;
  const stage = await resolveVariable('sls:stage');
  return { 'Fn::Sub': `https://\${WebsocketsApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/${stage}` };
};
