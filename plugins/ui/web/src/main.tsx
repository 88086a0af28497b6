import { render } from "preact";

import { startThemes } from "./canvas";
import { Frame } from "./Frame";
import { startRouter } from "./router";
import { start } from "./store";

startRouter();
startThemes();
render(<Frame />, document.body);
start();
