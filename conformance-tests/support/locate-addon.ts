import { locateAddon } from "../../src/addon/addon";
import { addonDir } from "./environment";

// The tests that call the native half themselves call that of the build under test.
if (process.env.TSOCI_TEST_BUILD !== undefined) locateAddon(addonDir);
