// Writes everything that is generated from spec-schemas/. Run by `make generate`; a second run changes nothing.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateCriu } from "./criu.mjs";
import { generateOci } from "./oci.mjs";
import { generatePlan } from "./plan.mjs";
import { generateShim } from "./shim.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
generatePlan(root);
generateOci(root);
generateCriu(root);
generateShim(root);
