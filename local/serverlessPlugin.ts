import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileError, endEsbuild, watchEsbuild } from './esbuildService.ts';
import { LocalError } from './localError.ts';
import type { Mailbox } from './mailbox.ts';
import type { Mongod } from './mongodProcess.ts';
import { claimPort, freePort, isFree, portNumber } from './ports.ts';

/** The part of the framework that this plugin uses. */
interface Serverless {
  readonly serviceDir: string;
  readonly service: {
    readonly provider: {
      environment?: Record<string, unknown>;
      httpApi?: { cors?: { allowedOrigins: string[] } };
    };
    readonly functions: Record<string, object>;
    /** As in serverless.yml: `esbuild`, `serverless-offline`. */
    readonly custom: Record<'esbuild' | 'serverless-offline', Record<string, unknown>>;
  };
  readonly processedInput: { readonly commands: readonly string[] };
  readonly pluginManager: {
    readonly plugins: readonly object[];
    spawn(command: string): Promise<void>;
  };
}

interface FrameworkLog {
  readonly levelRoot: FrameworkLog;
  get(namespace: string): FrameworkLog;
  disable(): unknown;
}

/** A part of serverless-offline. */
interface Emulator {
  end(skipExit: boolean): Promise<void>;
}

/** A part of serverless-esbuild. */
interface Bundler {
  bundle(): Promise<void>;
}

/** A signal that was sent arrives within this time. */
const SIGNAL_MS = 100;

type Options = Record<string, string | boolean | undefined>;

/**
 * Stands in for AWS and Atlas when the service runs on this machine. Provides a database, people to try the service with, the
 * built pages and the functions' environment, and makes sure that Ctrl-C leaves nothing behind. Does nothing in other commands.
 */
export default class LocalSupport {
  readonly hooks: Readonly<Record<string, () => Promise<void>>>;

  readonly #serverless: Serverless;
  readonly #options: Options;
  readonly #log: FrameworkLog;
  /** The folder of the data, the signing keys and the built functions. It is within the project, where functions find packages. */
  readonly #folder: string;
  /** Of the built pages: within the folder above. */
  readonly #siteFolder: string;

  #host = 'localhost';
  #ports = { http: 0, webSocket: 0, lambda: 0 };
  #database: Promise<string> | undefined;
  #pages: Promise<unknown> | undefined;
  /** Set from the moment the start begins. */
  #mongod: Promise<Mongod> | undefined;
  #mailbox: Mailbox | undefined;
  #ending: Promise<never> | undefined;
  /** Aborts everything that is still starting. */
  readonly #givingUp = new AbortController();
  #databaseSaid = '';
  #demoPeople = false;
  #ready = false;
  /** Prints, while the emulator's own output is held back. */
  #loud: typeof console.log | undefined;

  constructor(serverless: Serverless, options: Options, { log }: { log: FrameworkLog }) {
    this.#serverless = serverless;
    this.#options = options;
    this.#log = log;
    this.#folder = resolve(serverless.serviceDir ?? '.', process.env['LOCAL_DIR'] || '.local');
    this.#siteFolder = join(this.#folder, 'site');

    this.hooks = {
      initialize: async () => {
        watchEsbuild();
        if (serverless.processedInput.commands[0] !== 'offline') return;
        this.#bundleLightly();
        this.#addDemoToken();
        this.#tellWhatDoesNotCompile();
      },
      // `serverless offline` becomes `serverless offline start`, which lets plugins add to each step.
      'before:offline:start': () => serverless.pluginManager.spawn('offline:start'),
      // The functions are bundled right after this one, while the database starts.
      'before:offline:start:init': () => this.#orFail(() => this.#begin()),
      'offline:start:init': () => this.#orFail(() => this.#equip()),
      'after:offline:start:init': () => this.#orFail(() => this.#announce()),
      'after:offline:functionsUpdated:cleanup': async () => console.log('Functions reloaded.'),
      'before:offline:start:end': () => this.#end(0),
    };
  }

  /**
   * On AWS each function is one file with its libraries. Making one for each function takes esbuild long, and as long again
   * after every change. Here they have the project's code only, and find packages where npm put them. They are in a folder of
   * their own, so that packaging meanwhile does not remove it under a running emulator.
   */
  #bundleLightly(): void {
    const { custom, provider } = this.#serverless.service;
    // Like the sockets: any page on this machine may try the API.
    const origins = (process.env['ALLOWED_ORIGINS'] || '*').split(',').map((origin) => origin.trim());
    if (provider.httpApi?.cors) provider.httpApi.cors.allowedOrigins = origins;
    custom['esbuild'] = {
      ...custom['esbuild'],
      packages: 'external',
      format: 'esm',
      outputFileExtension: '.mjs',
      minifyWhitespace: false,
      minifySyntax: false,
      sourcemap: 'linked',
      // Else an error in one module is reported once for each function that has it.
      logLevel: 'silent',
      skipRebuild: false,
      outputWorkFolder: relative(this.#serverless.serviceDir ?? '.', join(this.#folder, 'functions')),
    };
  }

  /** Beside the functions of serverless.yml, one that only a laptop has: /demo asks it who the shop's customer is. */
  #addDemoToken(): void {
    this.#serverless.service.functions['demoToken'] = {
      name: 'demoToken',
      handler: 'local/demoToken.handler',
      events: [{ httpApi: { method: 'get', path: '/demo/token' } }],
    };
  }

  /** An error during the start ends it. Later, after a change of a file, the next change may correct it. */
  #tellWhatDoesNotCompile(): void {
    const bundler = this.#plugin<Bundler>('EsbuildServerlessPlugin');
    if (!bundler) return;
    const bundle = bundler.bundle.bind(bundler);
    bundler.bundle = () =>
      this.#orFail(async () => {
        try {
          await bundle();
        } catch (error) {
          const told = compileError(error);
          if (!this.#ready) throw told === undefined ? error : new LocalError(told);
          if (told !== undefined) console.error(`\n${told}\n`);
          throw error;
        }
      });
  }

  async #begin(): Promise<void> {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      process.on(signal, () => void this.#end(this.#ready ? 0 : code));
    }
    this.#endWithNpm();
    this.#quieten();
    await this.#choosePorts();
    if (this.#ending) return;
    this.#database = this.#startDatabase();
    this.#pages = this.#buildPages();
    // These are awaited once the functions are bundled, but a failure must be reported at once.
    for (const begun of [this.#database, this.#pages]) begun.catch((error: unknown) => this.#fail(error));
  }

  /**
   * npm passes a signal on to the shell of this process, and not every shell passes it on. The shell is gone then, and this
   * process has another parent.
   */
  #endWithNpm(): void {
    if (process.env['npm_execpath'] === undefined) return;
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || void this.#end(0), 100).unref();
  }

  async #choosePorts(): Promise<void> {
    const emulator = this.#serverless.service.custom['serverless-offline'];
    const given = (name: string): unknown => this.#options[name] ?? emulator[name];
    const keep = (name: string, port: number) => {
      if (this.#options[name] === undefined) emulator[name] = port;
      else this.#options[name] = String(port);
      return port;
    };
    this.#host = String(given('host') ?? this.#host);

    const required = async (name: string, what: string, variable: string) => {
      const wanted = portNumber(String(given(name)), variable);
      if (wanted === 0) return keep(name, await freePort(this.#host));
      await claimPort(wanted, this.#host, what, `${variable}=${wanted + 100} npm start`);
      return wanted;
    };
    const http = await required('httpPort', 'HTTP', 'HTTP_PORT');
    const webSocket = await required('websocketPort', 'WebSocket', 'WS_PORT');
    if (http === webSocket) throw new LocalError(`HTTP_PORT and WS_PORT are both ${http}: they must differ`);
    // Only the functions themselves call functions by name, so any port will do.
    const wanted = portNumber(String(given('lambdaPort')), 'LAMBDA_PORT');
    const taken = wanted === 0 || [http, webSocket].includes(wanted) || !(await isFree(wanted, this.#host));
    const lambda = taken ? keep('lambdaPort', await freePort(this.#host)) : wanted;
    this.#ports = { http, webSocket, lambda };
  }

  /** Returns the database's address, once it has indexes and, where they are wanted, demo people. */
  async #startDatabase(): Promise<string> {
    const { prepareDatabase, checkDatabase, wantsDemoPeople } = await import('./prepareDatabase.ts');
    let uri = process.env['MONGODB_URI'];
    const demoPeopleWanted = wantsDemoPeople(!uri);
    if (uri) {
      await checkDatabase(uri);
      this.#databaseSaid = 'the one MONGODB_URI names';
    } else {
      const { databaseUri, startMongod } = await import('./mongod.ts');
      const dbPath = resolve(this.#folder, 'data');
      const { signal } = this.#givingUp;
      this.#mongod = startMongod({ dbPath, log: (line) => console.log(line), signal });
      const mongod = await this.#mongod;
      mongod.exited.then(() => {
        if (!this.#ending) this.#fail(new Error(`mongod has ended by itself; its log is in ${dbPath}`));
      });
      uri = databaseUri(mongod.uri, 'live-support');
      this.#databaseSaid = `${uri} (kept in ${relative(process.cwd(), dbPath)})`;
      process.env['MONGODB_URI'] = uri;
    }
    this.#demoPeople = await prepareDatabase(demoPeopleWanted);
    return uri;
  }

  /** Builds the pages, and builds them again whenever their source changes. */
  async #buildPages(): Promise<void> {
    const { watchSite } = await import('./watchSite.ts');
    await watchSite(this.#siteFolder, {
      reload: process.env['RELOAD'] === 'on',
      signal: this.#givingUp.signal,
      log: (line) => console.log(line),
    });
  }

  /** The pages that a person at this machine opens first, where they are switched on. */
  #pagesOn(): Record<string, string> {
    const { CONSOLE, WIDGET, DOCS } = this.#serverless.service.provider.environment ?? {};
    return {
      ...(CONSOLE === 'on' && { Console: '/console' }),
      ...(WIDGET === 'on' && { Demo: '/demo' }),
      ...(DOCS === 'on' && { Documents: '/docs' }),
    };
  }

  /** Gives the functions their environment: from serverless.yml, overridden by the shell, with what a laptop needs. */
  async #equip(): Promise<void> {
    const { startMailbox } = await import('./mailbox.ts');
    const [uri] = await Promise.all([this.#database, this.#pages]);
    await this.#equipWithKeys();
    const mail = resolve(this.#folder, 'mail');
    this.#mailbox = await startMailbox(relative(process.cwd(), mail), (text) => (this.#loud ?? console.log)(text));
    const { provider } = this.#serverless.service;
    const settings = provider.environment ?? {};
    const said = Object.keys(settings).filter((name) => process.env[name]);
    provider.environment = {
      ...settings,
      ...Object.fromEntries(said.map((name) => [name, process.env[name]])),
      STAGE: 'local',
      METRICS: process.env['METRICS'] || 'off',
      CONSOLE: process.env['CONSOLE'] || 'on',
      WIDGET: process.env['WIDGET'] || 'on',
      DOCS: process.env['DOCS'] || 'on',
      SITE_FOLDER: this.#siteFolder,
      MONGODB_URI: uri,
      JWT_KEYS: process.env['JWT_KEYS'],
      IDENTITY_KEYS: process.env['IDENTITY_KEYS'] ?? '',
      // There is no Parameter Store to ask.
      IDENTITY_KEYS_PARAMETER: '',
      VISITORS: process.env['VISITORS'] ?? '',
      TRUSTED_PROXY_SECRET: process.env['TRUSTED_PROXY_SECRET'] ?? '',
      WEBSOCKET_ENDPOINT: this.#address('http', this.#ports.webSocket),
      AWS_ENDPOINT_URL_LAMBDA: this.#address('http', this.#ports.lambda),
      // Mails stay on this machine, whoever they are from.
      AWS_ENDPOINT_URL_SESV2: this.#mailbox.url,
      MAIL_FROM: process.env['MAIL_FROM'] || 'support@example.com',
      RESET_URL: process.env['RESET_URL'] || `${this.#address('http', this.#ports.http)}/console#reset=`,
      ALLOWED_ORIGINS: process.env['ALLOWED_ORIGINS'] || '*',
      RATE_LIMITS: process.env['RATE_LIMITS'] ?? '',
    };
    // The emulator passes AWS_* on to the functions. They sign their posts, but must never use a real account's keys.
    delete process.env['AWS_PROFILE'];
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_SESSION_TOKEN: 'local',
    });

    const { guardSockets } = await import('./socketGuard.ts');
    guardSockets();
    const { boundWorkers } = await import('./boundedWorkers.ts');
    await boundWorkers();
    // The table of routes knows no other switch.
    if (this.#loud) console.log = () => undefined;
  }

  /** Makes the keys that nobody has given. With the embedded database also whatever lets customers in who have no account. */
  async #equipWithKeys(): Promise<void> {
    const { localSigningKeys } = await import('./signingKeys.ts');
    const { identityKeys } = await import('../lib/runtime/secrets.ts');
    process.env['JWT_KEYS'] ||= await localSigningKeys(resolve(this.#folder, 'jwt-keys'));
    if (this.#mongod) {
      process.env['IDENTITY_KEYS'] ||= await localSigningKeys(resolve(this.#folder, 'identity-keys'));
      process.env['VISITORS'] ||= 'on';
    }
    try {
      await identityKeys();
    } catch (error) {
      throw error instanceof Error && error.name === 'ConfigError' ? new LocalError(error.message) : error;
    }
  }

  async #announce(): Promise<void> {
    this.#ready = true;
    if (this.#loud) console.log = this.#loud;
    const { welcome } = await import('./welcome.ts');
    console.log(
      welcome({
        http: this.#address('http', this.#ports.http),
        webSocket: this.#address('ws', this.#ports.webSocket),
        lambda: this.#address('http', this.#ports.lambda),
        database: this.#databaseSaid,
        demoPeople: this.#demoPeople,
        pages: this.#pagesOn(),
      }),
    );
  }

  #address(scheme: string, port: number): string {
    const everywhere = this.#host === '0.0.0.0' || this.#host === '::';
    return `${scheme}://${everywhere ? 'localhost' : this.#host}:${port}`;
  }

  /** Holds back the emulator's lines about every route and invocation. Errors and warnings still show, and with --verbose everything. */
  #quieten(): void {
    if (['info', 'debug'].includes(process.env['SLS_LOG_LEVEL'] ?? '')) return;
    this.#log.levelRoot.get('serverless').get('plugin').get('serverless-offline').disable();
    this.#loud = console.log;
  }

  /** Stops everything, once, and ends the process. A second Ctrl-C does not wait for it. */
  #end(code: number): Promise<never> {
    if (this.#ending) return this.#ending;
    const begun = Date.now();
    // npm may pass on a signal that came from the terminal already: that is not a second one.
    process.on('SIGINT', () => Date.now() - begun > 500 && process.exit(130));
    this.#ending = this.#stopAll().then(() => process.exit(code));
    return this.#ending;
  }

  async #stopAll(): Promise<void> {
    beSilent();
    this.#givingUp.abort();
    const { closeSockets } = await import('./socketGuard.ts');
    closeSockets();
    // Stop the last one first. A failure to stop one must not keep the others from being stopped.
    const steps = [
      async () => this.#plugin<Emulator>('ServerlessOffline')?.end(true),
      async () => this.#mailbox?.stop(),
      endEsbuild,
      async () => (await this.#mongod)?.stop(),
    ];
    for (const step of steps) await step().catch(() => undefined);
  }

  #plugin<T extends object>(name: string): T | undefined {
    return this.#serverless.pluginManager.plugins.find((plugin) => plugin.constructor.name === name) as T | undefined;
  }

  /** Fails with the work as long as the service starts. Never returns once it is ending: the framework must not go on. */
  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#ready && !this.#ending) throw error;
      await this.#fail(error);
    }
    await this.#ending;
  }

  async #fail(error: unknown): Promise<never> {
    // Ctrl-C also reaches processes that were just started, and their end may be noticed before the signal.
    await sleep(SIGNAL_MS);
    if (this.#ending) return this.#ending;
    console.error(error instanceof LocalError ? `\n${error.message}\n` : error);
    return this.#end(1);
  }
}

/**
 * Silences this process: from now on failures only come from stopping. The framework doesn't know that, and would report
 * them, or end the process before everything is stopped.
 */
function beSilent(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = ((_chunk: unknown, encoding?: unknown, done?: unknown) => {
      const written = typeof encoding === 'function' ? encoding : done;
      if (typeof written === 'function') process.nextTick(written);
      return true;
    }) as typeof stream.write;
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.removeAllListeners(event);
    process.on(event, () => undefined);
  }
}
