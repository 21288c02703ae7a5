// The entry that the platform runs.

import { started } from "../_shared/http.ts";
import { ingest } from "./handler.ts";

Deno.serve(await started(() => ingest((name) => Deno.env.get(name))));
