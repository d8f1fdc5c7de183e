// Lets playwright-core drive a Firefox that is older than the one it was made for.
//
// At the start it asks for a few things by WebDriver BiDi that Firefox has had since 143 only, and gives up when one is refused: collecting
// the bodies of responses, where downloads go, what a screen looks like. No test here needs them. Debian's stable release may have
// either Firefox, and later versions of playwright-core drive neither.

const Module = require("node:module");

const OPTIONAL = [
  "browser.setDownloadBehavior",
  "emulation.setMediaFeaturesOverride",
  "emulation.setScreenOrientationOverride",
  "emulation.setScreenSettingsOverride",
  "network.addDataCollector",
];
const SEND = "async send(method2, params2) {";

const compile = Module.prototype._compile;
Module.prototype._compile = function (text, file, ...rest) {
  if (!file.endsWith("playwright-core/lib/coreBundle.js")) return compile.call(this, text, file, ...rest);
  const [head, tail] = text.split("BidiSession = class");
  const at = tail?.indexOf(SEND) ?? -1;
  if (at < 0) throw new Error("playwright-core is not the release that package.json names");
  const tolerant = `async send(method2, params2) {
        return this.sendStrictly(method2, params2).catch((error) => {
          const optional = ${JSON.stringify(OPTIONAL)}.includes(method2) && error.message.includes("unknown command");
          if (!optional) throw error;
          return {};
        });
      }
      async sendStrictly(method2, params2) {`;
  const patched = `${head}BidiSession = class${tail.slice(0, at)}${tolerant}${tail.slice(at + SEND.length)}`;
  return compile.call(this, patched, file, ...rest);
};
