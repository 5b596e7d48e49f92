'use strict';

/**
 * Domains of one's own, where the stage's parameters name them with a certificate of the same region: `httpDomain`,
 * `websocketDomain`, `certificateArn`. The DNS records point at the outputs. Clients, and the functions that post to
 * connections, then use the domain. An API with a domain loses the address it had by default, which would lead round a
 * firewall, unless `defaultEndpoints` is `keep`: until the DNS records are there nothing else leads to it.
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
  const closes = await closesDefaultEndpoints(resolveVariable);
  if (domains.length > 0 && !certificate) throw new Error('httpDomain and websocketDomain need certificateArn');
  return {
    extensions: closes
      ? Object.fromEntries(domains.map(([, , api]) => [api.Ref, { Properties: { DisableExecuteApiEndpoint: true } }]))
      : {},
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

/** Throws for anything but `close` and `keep`: a mistyped one must not leave a way round the firewall. */
async function closesDefaultEndpoints(resolveVariable) {
  const given = (await resolveVariable("param:defaultEndpoints, ''")) || 'close';
  if (given !== 'close' && given !== 'keep') throw new Error(`defaultEndpoints: ${given} is neither close nor keep`);
  return given === 'close';
}

module.exports.closesDefaultEndpoints = closesDefaultEndpoints;
