// The entry that the platform runs.

import { started } from "../_shared/http.ts";
import { query } from "./handler.ts";

Deno.serve(await started(() => query((name) => Deno.env.get(name))));
