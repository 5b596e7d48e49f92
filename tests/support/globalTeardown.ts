export default async function globalTeardown(): Promise<void> {
  const { endTests } = globalThis as { endTests?: () => Promise<void> };
  await endTests?.();
}
