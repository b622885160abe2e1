"""The sandbox's story: what the customers of Harbour Lane, a shop for cosmetics and electronics in four cities, buy and say.

Content alone: nothing here knows the product or a database. Languages are written en, ja, zh-hant, zh-hans; countries as
ISO 3166 codes; prices are gross, in the country's currency.
"""
