"""From problems to played episodes, token by token: samplers, chats as tokens, and the schedule of both."""
