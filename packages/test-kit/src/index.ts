export { effort, Random, seed } from './random.js';
