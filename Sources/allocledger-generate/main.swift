import CommandKit
import Glibc
Interrupts.install()
print(Interrupts.pending)
raise(SIGINT)
print(Interrupts.pending)
raise(SIGTERM)
