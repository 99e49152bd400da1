internal import LedgerCommands

#if canImport(Glibc)
internal import Glibc
#endif

exit(runAllocledger(Array(CommandLine.arguments.dropFirst())))
