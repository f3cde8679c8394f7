/** Entry of dist/server.cjs: the language server on standard input and output, or on Node's own channel to a parent. */
import { version } from 'virtual:gupcheck-build';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { createAnalyzer } from '../linter/file/analysis.ts';
import { serve } from './server.ts';

serve(createConnection(ProposedFeatures.all), { version, analyzer: () => createAnalyzer() });
