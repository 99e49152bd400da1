internal import CFuzzer
internal import Glibc

// libFuzzer reads the other arguments; it starts children with the same environment.
guard isDecoderKnown else {
  print("ALLOCLEDGER_FUZZ names no decoder; see tools/fuzz")
  exit(64)
}
var count = CommandLine.argc
// Safe: the arguments live as long as the program.
var arguments = unsafe CommandLine.unsafeArgv
exit(
  unsafe withUnsafeMutablePointer(to: &arguments) { pointer in
    unsafe pointer.withMemoryRebound(
      to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
    ) { unsafe LLVMFuzzerRunDriver(&count, $0, testOneInput) }
  })
