import { join } from 'node:path';
import { findMongod } from '../../local/mongodBinary.ts';
import { HOST, launch, type Mongod, type MongodOptions } from '../../local/mongodProcess.ts';
import { initiate, settled, withDirectConnection } from '../../local/replicaSet.ts';

export interface ReplicaSet {
  readonly uri: string;
  readonly members: readonly Mongod[];
  stop(): Promise<void>;
}

/** Several mongods as one replica set, for stepdowns and elections; each in a folder of its own within `dbPath`. */
export async function startReplicaSet({
  members: count = 3,
  ...options
}: Omit<MongodOptions, 'port'> & { readonly members?: number }): Promise<ReplicaSet> {
  const replSet = options.replSet ?? 'rs0';
  const binary = options.binary ?? (await findMongod({ log: options.log ?? (() => undefined) }));
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, index) =>
      launch({ ...options, binary, dbPath: join(options.dbPath, String(index)) }, replSet),
    ),
  );
  const members = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()));
  };
  try {
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    const hosts = members.map((member) => `${HOST}:${member.port}`);
    const [first] = members;
    if (first) await withDirectConnection(first, (admin) => initiate(admin, replSet, hosts));
    await Promise.all(members.map((member) => withDirectConnection(member, (admin) => settled(admin, member))));
    return { uri: `mongodb://${hosts.join(',')}/?replicaSet=${replSet}`, members, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
