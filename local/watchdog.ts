import { spawn } from 'node:child_process';

/**
 * Has a shell run a script once this process is gone, even when it is killed. The shell waits at a pipe that only this
 * process holds open. The script finds its subject as `$1`. Returns what sends the shell home. Where there is no shell, nothing
 * is run.
 */
export function onceWeAreGone(name: string, script: string, subject: string): () => void {
  if (process.platform === 'win32') return () => undefined;
  const waiting = `trap '' INT HUP TERM
    read -r word && exit
    ${script}`;
  const watchdog = spawn('/bin/sh', ['-c', waiting, name, subject], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => undefined);
  watchdog.stdin.on('error', () => undefined);
  watchdog.unref();
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  return () => watchdog.stdin.end('done\n');
}
