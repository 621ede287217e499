/** What web/page/build.mjs puts into the service worker. */

/** Changes whenever a file of the page does. */
declare const VERSION: string;
/** The paths of the files that every visit needs. */
declare const FILES: string[];
/** The paths of the files that are loaded when they are used, or when a visit has lasted for a while. */
declare const LATER: string[];
