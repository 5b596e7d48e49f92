/** What the bundler makes of files that are no scripts. */

/** The text of a stylesheet, for a shadow root to adopt. */
declare module '*.shadow.css' {
  const text: string;
  export default text;
}

/** The address of a stylesheet for a shadow root to adopt, at the service. */
declare module '*.sheet.css' {
  const address: string;
  export default address;
}

/** The address of a picture, at the service. On another site's page put the service's origin in front of it. */
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
