internal import CommandKit

runTool(generateCommand) { command, output in
  try generate(command, to: output)
  return true
}
