"""Does this handler need protection? It is delivered to again in every way that Lambda can, and judged by that.

    explore ─▶ zygote ─ fork ─▶ world (one schedule) ─ fork ─▶ delivery: the user's own handler
      judge ◀─ Run ◀──────────────┘  ◀── each operation ────────┘  waits for its answer

`schedules` and `judge` are pure. `world` keeps the state and decides who goes on; `observe` is the side
of the delivery, and sees what the handler does outside of its process; `results` is what comes out.
"""
