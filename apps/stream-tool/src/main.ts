/** The program `ds-stream`. */

import { runApp } from '@ds/app-kit';
import { app } from './app.js';

await runApp(app);
