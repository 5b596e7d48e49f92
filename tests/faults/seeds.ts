/** A number of the environment. */
export const numberFromEnv = (name: string, byDefault: number): number => Number(process.env[name] ?? byDefault);

/**
 * The seeds that this part of `parts` plays: `SEEDS` of them from `FIRST_SEED` on (`few`, or `soak` with `SOAK=1`), or `SEED` alone,
 * many times: who is faster than whom is up to the machine, and not in the seed.
 */
export function seeds(
  part: number,
  parts: number,
  byDefault: { readonly few: number; readonly soak: number },
): number[] {
  const { SEED, SOAK } = process.env;
  if (SEED !== undefined)
    return part === 0 ? Array.from({ length: numberFromEnv('REPEAT', 30) }, () => Number(SEED)) : [];
  const first = numberFromEnv('FIRST_SEED', 1);
  const length = numberFromEnv('SEEDS', SOAK === '1' ? byDefault.soak : byDefault.few);
  return Array.from({ length }, (_, index) => first + index).filter((seed) => seed % parts === part);
}
