/** The areas: each is one Lambda, whose entry has the table of its endpoints. Named by the protocol's tags. */
export const AREAS = ['auth', 'users', 'conversations', 'desk', 'analytics', 'operations', 'websocket'] as const;

export interface Endpoint {
  readonly routeKey: string;
}

/** The table of an area's entry, `functions/<area>.ts`. */
export async function endpointsOf(area: string): Promise<readonly Endpoint[]> {
  // The entry begins to read secrets and to connect: there is nothing to connect to.
  for (const name of ['MONGODB_URI', 'JWT_KEYS', 'IDENTITY_KEYS']) delete process.env[name];
  const { endpoints } = (await import(`../../functions/${area}.ts`)) as { readonly endpoints: readonly Endpoint[] };
  return endpoints;
}
