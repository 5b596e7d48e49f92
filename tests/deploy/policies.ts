import type { Statement } from './emulatedAws.ts';

/** Whether one of the statements allows this; conditions aren't looked at. */
export function allows(statements: readonly Statement[], action: string, resource: string): boolean {
  const matches = (what: string) => (pattern: string) =>
    new RegExp(`^${pattern.split('*').map(literally).join('.*')}$`).test(what);
  return statements.some(
    (statement) =>
      statement.Effect === 'Allow' &&
      [statement.Action].flat().some(matches(action)) &&
      [statement.Resource].flat().some(matches(resource)),
  );
}

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What the statements allow: each action on each resource. */
export const allowedBy = (statements: readonly Statement[]): [action: string, resource: string][] =>
  statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((resource): [string, string] => [action, resource])),
    );
