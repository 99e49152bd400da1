internal import CommandKit

runTool(measureCommand) { command, output in
  try measure(command, to: output)
  return true
}
