internal import CommandKit

ignoreBrokenPipes()
runTool(generateCommand) { command, output in
  try generate(command, to: output)
  return true
}
