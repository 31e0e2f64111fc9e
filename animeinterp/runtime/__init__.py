"""What a long run needs whatever it computes: memory and running out of it, progress and cancelling, work begun ahead."""
