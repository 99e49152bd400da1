internal import Glibc

/// What is known of the terminal behind a descriptor.
package enum Terminal {
  /// Whether the descriptor is a terminal.
  package static func isTerminal(_ descriptor: CInt) -> Bool {
    isatty(descriptor) == 1
  }

  /// The columns of the terminal behind a descriptor; 80 where there is none.
  package static func columns(_ descriptor: CInt) -> Int {
    var size = winsize()
    // Safe: TIOCGWINSZ fills in one winsize.
    let result = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size)
    return result == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Whether colour is wanted: on a terminal that is not dumb, unless NO_COLOR is set.
  package static func wantsColor(
    _ descriptor: CInt, environment: (String) -> String?
  ) -> Bool {
    isTerminal(descriptor) && (environment("NO_COLOR") ?? "").isEmpty
      && environment("TERM") != "dumb"
  }
}

/// The variable of the process's environment, or nil.
package func environmentVariable(_ name: String) -> String? {
  // Safe: the C string is copied at once, and nothing here changes the environment.
  guard let value = unsafe getenv(name) else { return nil }
  return unsafe String(cString: value)
}
