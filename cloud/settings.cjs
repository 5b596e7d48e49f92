// @ts-check
'use strict';

/** @import { Addition, Framework } from './types.d.ts' */

/**
 * Variables that the deployment sets itself, some by a parameter of another name: `logLevel`, `allowedOrigins`. A parameter of such
 * a name would change nothing.
 */
const NOT_TO_BE_SET =
  /^(STAGE|METRICS|LOG_LEVEL|ALLOWED_ORIGINS|WEBSOCKET_ENDPOINT|SITE_FOLDER|\w+_FUNCTION|\w+_PARAMETER|AWS_\w+)$/;

/**
 * Refuses a parameter that nothing reads: a misspelt `MESSAGE_RETENTION_DAYS` would keep messages for ever. Refuses `MAIL_FROM`
 * without the page that mails link to, with which every function would refuse to start.
 * @param {Framework} framework
 * @returns {Promise<Addition>}
 */
module.exports = async ({ resolveVariable }) => {
  const { default: known = {}, ...stages } = await resolveVariable('self:params');
  const settings = Object.keys(await resolveVariable('self:provider.environment')).filter(
    (name) => !NOT_TO_BE_SET.test(name),
  );
  for (const [stage, given] of Object.entries({ default: known, ...stages })) {
    for (const name of Object.keys(given)) {
      const isSetting = settings.includes(name) || (name in known && !/^[A-Z_]+$/.test(name));
      if (!isSetting) throw new Error(`serverless.yml, params.${stage}.${name}: there is no such setting`);
    }
  }
  if ((await resolveVariable("param:MAIL_FROM, ''")) !== '' && (await resolveVariable("param:RESET_URL, ''")) === '') {
    throw new Error('RESET_URL is missing: with MAIL_FROM, mails link to it');
  }
  return {};
};
