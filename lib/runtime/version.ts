import manifest from '../../package.json' with { type: 'json' };

/** The version of the running code. */
export const version: string = manifest.version;
