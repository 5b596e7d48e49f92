/** What the bundler makes of files that are no scripts. */

/** A stylesheet is put beside the script that imports it. */
declare module '*.css';

/** The text of a stylesheet, for a shadow root to adopt. */
declare module '*.shadow.css' {
  const text: string;
  export default text;
}

/** The address of a picture. */
declare module '*.svg' {
  const address: string;
  export default address;
}

/** As it is distributed, in one file, and without types. */
declare module 'swagger-ui-dist/swagger-ui-bundle.js' {
  const SwaggerUi: (options: Readonly<Record<string, unknown>>) => {
    preauthorizeApiKey(scheme: string, key: string): unknown;
  };
  export default SwaggerUi;
}
