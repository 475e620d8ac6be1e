export { certificateFiles } from './certificate-files.js';
export { certificates } from './certificates.js';
export { overwrite } from './damage.js';
export { drip, flood, sendLate } from './flood.js';
export { effort, Random, seed } from './random.js';
export { SimulatedClock } from './simulation/clock.js';
export { SimulatedNetwork, type Link, type SimulatedSocket } from './simulation/network.js';
export { histories, simulate } from './simulation/simulate.js';
