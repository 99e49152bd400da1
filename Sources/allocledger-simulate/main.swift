internal import CommandKit

runTool(simulateCommand) { command, _ in try simulate(command) }
