// @ts-check
'use strict';

/** @import { Addition, Framework } from './types.d.ts' */

const { closesDefaultEndpoints } = require('./parameters.cjs');

/**
 * Gives the APIs your own domains, where the stage's parameters name them and a certificate of the same region:
 * `httpDomain`, `websocketDomain`, `certificateArn`. The DNS records point at the outputs. Clients, and the functions that
 * post to connections, then use the domain. An API with a domain loses its default address, which would lead round a
 * firewall, unless `defaultEndpoints` is `keep`. Until the DNS records exist, such an API can't be reached.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
module.exports = async ({ resolveVariable }) => {
  const certificate = await resolveVariable("param:certificateArn, ''");
  const domains = [
    {
      kind: 'Http',
      name: await resolveVariable("param:httpDomain, ''"),
      api: 'HttpApi',
      stage: '$default',
      stageId: 'HttpApiStage',
    },
    {
      kind: 'Websockets',
      name: await resolveVariable("param:websocketDomain, ''"),
      api: 'WebsocketsApi',
      stage: await resolveVariable('sls:stage'),
      stageId: 'WebsocketsDeploymentStage',
    },
  ].filter(({ name }) => name !== '');
  const closes = await closesDefaultEndpoints(resolveVariable);
  if (domains.length > 0 && !certificate) throw new Error('httpDomain and websocketDomain need certificateArn');
  return {
    extensions: closes
      ? Object.fromEntries(domains.map(({ api }) => [api, { Properties: { DisableExecuteApiEndpoint: true } }]))
      : {},
    Resources: Object.fromEntries(
      domains.flatMap(({ kind, name, api, stage, stageId }) => [
        [
          `${kind}Domain`,
          {
            Type: 'AWS::ApiGatewayV2::DomainName',
            Properties: {
              DomainName: name,
              DomainNameConfigurations: [
                { CertificateArn: certificate, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
              ],
            },
          },
        ],
        [
          `${kind}DomainMapping`,
          {
            Type: 'AWS::ApiGatewayV2::ApiMapping',
            DependsOn: stageId,
            Properties: { ApiId: { Ref: api }, DomainName: { Ref: `${kind}Domain` }, Stage: stage },
          },
        ],
      ]),
    ),
    Outputs: Object.fromEntries(
      domains.map(({ kind, name }) => [
        `${kind}DomainTarget`,
        {
          Description: `What ${name} is to point at`,
          Value: { 'Fn::GetAtt': [`${kind}Domain`, 'RegionalDomainName'] },
        },
      ]),
    ),
  };
};
