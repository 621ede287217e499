/** What web/page/build.mjs puts into the service worker. */

/** Changes whenever a file of the page does. */
declare const VERSION: string;
/** The paths of all files that this version needs without a network. */
declare const FILES: string[];
