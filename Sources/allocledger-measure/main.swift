internal import CommandKit

ignoreBrokenPipes()
runTool(measureCommand) { command, output in
  try measure(command, to: output)
  return true
}
