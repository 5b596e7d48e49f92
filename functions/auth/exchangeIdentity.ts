import { httpEndpoint } from '../../lib/http/endpoint.ts';
import * as routes from '../../lib/protocol/routes/auth.ts';
import * as service from '../../lib/services/auth/exchangeIdentity.ts';
import { tryFinishMerging } from '../../lib/services/auth/mergeVisitor.ts';
import { tellRenamed } from '../../lib/services/desk/tellRenamed.ts';

export const exchangeIdentity = httpEndpoint(routes.exchangeIdentity, async ({ body, sourceIp, waitUntil }) => {
  const { session, merged, isRenamed } = await service.exchangeIdentity(body, sourceIp);
  if (merged) waitUntil(() => tryFinishMerging(merged));
  if (isRenamed) waitUntil(() => tellRenamed(session.user.id));
  return session;
});
