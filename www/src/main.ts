// Where the app begins.

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/welcome.css";
import "./styles/files.css";
import "./styles/viewer.css";
import "./styles/network.css";
import "./styles/print.css";

import "./pages/app.ts";
import { route } from "./route.ts";
import { session } from "./state/session.ts";
import { streams } from "./state/streams.ts";

// First of all: a link must leave the address bar before anything else can see it.
route.start();
streams.start();
if (route.link === undefined) void session.start();
