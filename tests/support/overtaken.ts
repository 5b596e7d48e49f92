import { jest } from '@jest/globals';

type Method = (...args: unknown[]) => unknown;
/** What a model returns before anything is sent. */
interface Query {
  lean(): Promise<unknown>;
}

/** Has something happen before the next query of a model is sent: `overtake(noteModel(), 'findOneAndUpdate').before(…)`; or after its answer. */
export function overtake(model: object, method: string) {
  const methods = model as Record<string, Method>;
  const next = (around: (send: () => Promise<unknown>) => Promise<unknown>) => {
    const original = methods[method] as Method;
    jest.spyOn(methods, method).mockImplementationOnce((...args: unknown[]) => {
      const query = original.apply(model, args) as Query;
      const send = query.lean.bind(query);
      query.lean = () => around(send);
      return query;
    });
  };
  return {
    before: (first: () => Promise<unknown>) =>
      next(async (send) => {
        await first();
        return send();
      }),
    after: (then: () => Promise<unknown>) =>
      next(async (send) => {
        const answer = await send();
        await then();
        return answer;
      }),
  };
}
