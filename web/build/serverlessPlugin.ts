/** The part of the framework that this plugin uses. */
interface Serverless {
  readonly serviceDir: string;
}

/**
 * Builds the pages before the functions are packaged: `package.patterns` of the function `site` takes them along. On a laptop
 * local/serverlessPlugin.ts builds them.
 */
export default class Pages {
  readonly hooks: Readonly<Record<string, () => Promise<unknown>>>;

  constructor({ serviceDir }: Serverless) {
    const build = async () => {
      // Other commands need no bundler.
      const { buildSite } = await import('./site.ts');
      await buildSite(`${serviceDir}/.site`, { thorough: true });
    };
    this.hooks = {
      'before:package:createDeploymentArtifacts': build,
      'before:deploy:function:packageFunction': build,
    };
  }
}
