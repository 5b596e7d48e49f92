'use strict';

/**
 * Domains of one's own, where the stage's parameters name them with a certificate of the same region: `httpDomain`,
 * `websocketDomain`, `certificateArn`. The DNS records point at the outputs. Clients then use the domain; the functions
 * go on posting to the API's own address, which keeps working.
 */
module.exports = async ({ resolveVariable }) => {
  const certificate = await resolveVariable("param:certificateArn, ''");
  const domains = [
    ['Http', await resolveVariable("param:httpDomain, ''"), { Ref: 'HttpApi' }, '$default', 'HttpApiStage'],
    [
      'Websockets',
      await resolveVariable("param:websocketDomain, ''"),
      { Ref: 'WebsocketsApi' },
      await resolveVariable('sls:stage'),
      'WebsocketsDeploymentStage',
    ],
  ].filter(([, name]) => name !== '');
  if (domains.length > 0 && !certificate) throw new Error('httpDomain and websocketDomain need certificateArn');
  return {
    Resources: Object.fromEntries(
      domains.flatMap(([kind, name, api, stage, stageId]) => [
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
            Properties: { ApiId: api, DomainName: { Ref: `${kind}Domain` }, Stage: stage },
          },
        ],
      ]),
    ),
    Outputs: Object.fromEntries(
      domains.map(([kind, name]) => [
        `${kind}DomainTarget`,
        {
          Description: `What ${name} is to point at`,
          Value: { 'Fn::GetAtt': [`${kind}Domain`, 'RegionalDomainName'] },
        },
      ]),
    ),
  };
};
