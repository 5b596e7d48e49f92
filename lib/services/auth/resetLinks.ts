import { AppError } from '../../errors/appError.ts';
import { config } from '../../runtime/config.ts';

/**
 * Makes the link with a token. The token is in the fragment, which no browser sends to a server or to the next page. A base with a
 * fragment of its own, `https://…/#/reset=`, gets the token behind it. The base is a setting: a header could be a stranger's.
 */
export function resetLink(token: string): string {
  const base = config().RESET_URL;
  return base.includes('#') ? `${base}${token}` : `${base}#token=${token}`;
}

/** Throws `NOT_CONFIGURED` where links would lead nowhere. */
export function requireResetUrl(): void {
  if (config().RESET_URL === '') throw new AppError('NOT_CONFIGURED');
}
