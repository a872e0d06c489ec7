"""Laws of problems whose H is singular, linear programs among them: one minimiser chosen for every theta."""
