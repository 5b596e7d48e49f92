// @ts-check
'use strict';

/** @import { Framework } from './types.d.ts' */

const { sub } = require('./names.cjs');
const { closesDefaultEndpoints } = require('./parameters.cjs');

/**
 * The origins that may open sockets: those of the stage, and where it serves pages, its own, by every address that it has. (Calls of
 * the HTTP API by its own pages need no leave.)
 * @param {Framework} framework
 */
module.exports = async ({ resolveVariable }) => {
  const given = [await resolveVariable('param:allowedOrigins')].flat();
  const switches = await Promise.all([
    resolveVariable("param:CONSOLE, ''"),
    resolveVariable("param:WIDGET, ''"),
    resolveVariable("param:DOCS, ''"),
  ]);
  if (!switches.includes('on')) return { 'Fn::Join': [',', given] };
  const domain = await resolveVariable("param:httpDomain, ''");
  const hasDefault = domain === '' || !(await closesDefaultEndpoints(resolveVariable));
  return {
    'Fn::Join': [
      ',',
      [
        ...given,
        ...(domain === '' ? [] : [`https://${domain}`]),
        ...(hasDefault ? [sub('https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}')] : []),
      ],
    ],
  };
};
