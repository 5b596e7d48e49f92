/** The part of the framework that this plugin uses. */
interface Serverless {
  readonly serviceDir: string;
  readonly service: { readonly functions: Readonly<Record<string, { package?: { patterns: readonly string[] } }>> };
}

/** As `SITE_FOLDER` of serverless.yml says. */
const FOLDER = '.site';

/**
 * Builds the pages before the functions are packaged, and has the package of the function `site` take them along: the files of this
 * build, not those that earlier ones have left. On a laptop local/serverlessPlugin.ts builds them.
 */
export default class Pages {
  readonly hooks: Readonly<Record<string, () => Promise<unknown>>>;

  constructor({ serviceDir, service }: Serverless) {
    const build = async () => {
      // Other commands need no bundler.
      const { buildSite, filesOf } = await import('./site.ts');
      const manifest = await buildSite(`${serviceDir}/${FOLDER}`, { thorough: true });
      const { site } = service.functions;
      if (site) site.package = { patterns: filesOf(manifest).map((file) => `${FOLDER}/${file}`) };
    };
    this.hooks = {
      'before:package:createDeploymentArtifacts': build,
      'before:deploy:function:packageFunction': build,
    };
  }
}
