import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/forgotPassword.ts';
import { callMailer } from '../../lib/services/mail/callMailer.ts';

export const forgotPassword = httpEndpoint(routes.forgotPassword, async ({ body, sourceIp, waitUntil }) => {
  if (await service.forgotPassword(body.email, sourceIp)) waitUntil(callMailer);
  return undefined;
});
