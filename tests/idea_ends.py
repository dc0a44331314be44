"""How the task of each idea of the demo ends, as text."""

from __future__ import annotations

#: Tasks, and indented below them their stages: state, message, response, and how each failed attempt ended.
ENDS = {
    "async": """
        SUCCESS Fetch pages at once | 3 pages
            SUCCESS 1. FetchAll | 3 pages | {'home': 400, 'news': 400, 'contact': 700}""",
    "delay": """
        SUCCESS Poll a printer | the printer is ready, asked 3 times
            SUCCESS 1. Poll | the printer is ready, asked 3 times""",
    "failure": """
        ERROR Sell a book | CardRefused: the card has expired
            SUCCESS 1. Reserve | 1 book reserved
            ERROR 2. Charge | CardRefused: the card has expired | {'ask for': 'another card'} | error
            CANCELED 3. Ship""",
    "fan_out": """
        SUCCESS Divide 60 | 122 in all; failed: by 0: integer division or modulo by zero
            SUCCESS 1. Split | 4 succeeded, 1 failed
                ERROR Divisions | 4 succeeded, 1 failed
                    SUCCESS 1. Divide | divided | 60
                    SUCCESS 2. Divide | divided | 30
                    SUCCESS 3. Divide | divided | 20
                    ERROR 4. Divide | ZeroDivisionError: integer division or modulo by zero | error
                    SUCCESS 5. Divide | divided | 12
            SUCCESS 2. Total | 122 in all; failed: by 0: integer division or modulo by zero""",
    "finally": """
        ERROR Send an export | nobody answers
            SUCCESS 1. Export | exported | '{folder}'
            ERROR 2. Send | nobody answers | error
            SUCCESS 3. Tidy""",
    "hello": """
        SUCCESS Say hello | greeted
            SUCCESS 1. Greet | greeted | Greeting(text='Hello, world!')""",
    "nested_depth": """
        SUCCESS Count shops | 15 shops
            SUCCESS 1. Region | 2 succeeded
                SUCCESS Inside Europe | 2 succeeded
                    SUCCESS 1. Region | 2 succeeded
                        SUCCESS Inside north | 2 succeeded
                            SUCCESS 1. Region | counted | 4
                            SUCCESS 2. Region | counted | 2
                    SUCCESS 2. Region | 2 succeeded
                        SUCCESS Inside south | 2 succeeded
                            SUCCESS 1. Region | 2 succeeded
                                SUCCESS Inside Italy | 2 succeeded
                                    SUCCESS 1. Region | counted | 5
                                    SUCCESS 2. Region | counted | 3
                            SUCCESS 2. Region | counted | 1
            SUCCESS 2. Total | 15 shops""",
    "pause": """
        SUCCESS Pay an invoice | paid
            SUCCESS 1. Approve | 250 EUR approved
            SUCCESS 2. Pay | paid""",
    "previous": """
        SUCCESS Price a parcel | 4.90 EUR, arrives on 2026-03-01
            SUCCESS 1. Weigh | weighed | Parcel(kilograms=Decimal('2.50'), posted=datetime.date(2026, 2, 27))
            SUCCESS 2. Price | 4.90 EUR, arrives on 2026-03-01""",
    "progress": """
        SUCCESS Load pages | 20 pages loaded
            SUCCESS 1. Load | 20 pages loaded""",
    "retry": """
        SUCCESS Fetch a page over a bad line | fetched at attempt 3
            SUCCESS 1. Fetch | fetched at attempt 3 | error, crashed""",
    "shared_context": """
        SUCCESS Prices with tax | 3 succeeded
            SUCCESS 1. Gross | 120.00 EUR
            SUCCESS 2. Gross | 119.00 EUR
            SUCCESS 3. Gross | 117.00 EUR""",
    "timeout": """
        ERROR Copy in two directions | 1 succeeded, 1 failed
            ERROR 1. Download | TimeoutError: it ran longer than 1 s. | timed_out
            SUCCESS 2. Upload | uploaded""",
}
