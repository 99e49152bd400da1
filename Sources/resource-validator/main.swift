internal import LedgerCommands

#if canImport(Glibc)
internal import Glibc
#endif

exit(runResourceValidator(Array(CommandLine.arguments.dropFirst())))
